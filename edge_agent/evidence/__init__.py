"""Pictures that prove a finding: masked, drawn, stored and uploaded."""
