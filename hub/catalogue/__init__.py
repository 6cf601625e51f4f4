"""The catalogue: which items the hub files cases under, in which scheme, as versioned data with a crosswalk."""
