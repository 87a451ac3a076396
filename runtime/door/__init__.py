"""The doors: bytes become one typed message, one reply becomes bytes."""
