"""Programs for people who build, test and run Tianrui; nothing here goes into the wheel."""
