#include "CTestSchema.h"
