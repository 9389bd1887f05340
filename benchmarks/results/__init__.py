"""Result files: written, read, validated, compared and shown as a table."""
