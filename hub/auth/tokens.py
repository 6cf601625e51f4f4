"""Secrets that the hub makes: session tokens, box tokens, one-time passwords; and how they are stored."""

import hashlib
import hmac
import secrets

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that look alike on paper: 31 signs, 4.95 bits each."""


def new_token() -> str:
    """256 random bits, safe in a header."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """A password of four groups of five signs that a person can type, 99 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))


def stored_form(token: str) -> str:
    """The SHA-256 of a token in hex; enough, as tokens are random and long."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """The CSRF token of a session, derived from its token, so that none has to be stored."""
    return hmac.new(token.encode(), b"tianrui csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
