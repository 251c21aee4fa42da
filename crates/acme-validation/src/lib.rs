//! The only outbound prober of the house.
