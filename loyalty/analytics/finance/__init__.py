"""Finance's reports: what is owed, what moved in a month, what will never be redeemed."""
