"""Where to build next: proven answers of the classical location models, and what a district makes of them."""
