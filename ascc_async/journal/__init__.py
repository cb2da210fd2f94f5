"""The journal: everything known, from which all else can be made anew."""
