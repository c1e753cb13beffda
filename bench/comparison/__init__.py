"""The comparison of relays: who runs (peers), what work (rows), one slice of it (slices), what it says (report)."""
