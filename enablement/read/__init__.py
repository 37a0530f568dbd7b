"""Files to tables: the only room that opens what a CRM wrote."""
