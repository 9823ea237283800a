#include "CGRPCSchema.h"
