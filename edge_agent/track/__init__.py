"""What stands and moves where: things followed over time, still things, and what each zone holds."""
