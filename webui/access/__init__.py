"""Signing in, one's own account, the audit, and the check of every request against the table of rules."""
