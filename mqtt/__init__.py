"""The wire: topics, envelope, messages, acknowledgements and the connection; it decides nothing."""
