"""What members hold: accounts, ledger entries, lots, holds, tiers and expiry."""
