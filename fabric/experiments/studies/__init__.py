"""Studies that are more than one call: each module serves one notebook with the tables that it shows."""
