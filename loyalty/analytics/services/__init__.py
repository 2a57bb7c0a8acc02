"""Every write of this room, called through its module: `verification.ask(…)`."""
