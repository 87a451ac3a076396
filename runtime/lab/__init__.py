"""The lab: the same system under a virtual clock, a seeded schedule and a disk that can be crashed."""
