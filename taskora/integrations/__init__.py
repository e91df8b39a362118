"""What connects taskora to other libraries. Each module needs the extra that it names, and nobody else imports it."""
