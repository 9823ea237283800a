// TestSchema
