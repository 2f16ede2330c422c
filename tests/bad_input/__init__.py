"""Bad input at scale: what is given to selfspec and cannot be taken, kind by kind."""
