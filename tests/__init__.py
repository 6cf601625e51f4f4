"""The tests of Tianrui; the folders mirror the packages or name the kind of test."""
