"""Messages in the console: templates with their preview, channels, and the log of what was sent."""
