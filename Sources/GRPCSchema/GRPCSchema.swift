// GRPCSchema
