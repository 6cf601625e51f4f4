"""Cases: one grid case for each incident that a box reports, with its history and its evidence."""
