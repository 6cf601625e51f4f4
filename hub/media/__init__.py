"""Media: pictures under the SHA-256 of their content, on disk before the database knows them."""
