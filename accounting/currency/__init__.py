"""Foreign currency: rates, what foreign balances are carried at, exchange gains and losses, revaluation."""
