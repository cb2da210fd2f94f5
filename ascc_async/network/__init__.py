"""The one HTTP stack: connections, cookies, errors, retries."""
