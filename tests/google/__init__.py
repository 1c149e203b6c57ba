"""A stand-in for Google: OAuth, Fit and the Google Health API, as far as documents tell."""
