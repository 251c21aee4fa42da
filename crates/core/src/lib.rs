//! The domain: RA profiles, operations, attributes, policy, inventory, audit, and the ports. No HTTP, no SQL.
