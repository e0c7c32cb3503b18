//! Anchorite holds signing ceremonies.
