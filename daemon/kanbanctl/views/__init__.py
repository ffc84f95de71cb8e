"""How things look to people: one module for each kind of thing."""
