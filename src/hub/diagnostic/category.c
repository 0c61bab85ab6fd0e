/* category.c - the names of the categories, as Azure spells them. */
#include "hub/diagnostic/diagnostic.h"

static const char *const names[DIAGNOSTIC_CATEGORIES] = {
    [DIAGNOSTIC_CONNECTIONS] = "Connections",
    [DIAGNOSTIC_DEVICE_TELEMETRY] = "DeviceTelemetry",
    [DIAGNOSTIC_C2D_COMMANDS] = "C2DCommands",
    [DIAGNOSTIC_DEVICE_IDENTITY_OPERATIONS] = "DeviceIdentityOperations",
    [DIAGNOSTIC_FILE_UPLOAD_OPERATIONS] = "FileUploadOperations",
    [DIAGNOSTIC_ROUTES] = "Routes",
    [DIAGNOSTIC_D2C_TWIN_OPERATIONS] = "D2CTwinOperations",
    [DIAGNOSTIC_C2D_TWIN_OPERATIONS] = "C2DTwinOperations",
    [DIAGNOSTIC_TWIN_QUERIES] = "TwinQueries",
    [DIAGNOSTIC_JOBS_OPERATIONS] = "JobsOperations",
    [DIAGNOSTIC_DIRECT_METHODS] = "DirectMethods",
    [DIAGNOSTIC_CONFIGURATIONS] = "Configurations",
    [DIAGNOSTIC_DEVICE_OPERATIONS] = "DeviceOperations",
    [DIAGNOSTIC_SERVICE_OPERATIONS] = "ServiceOperations",
};

const char *diagnostic_category_name(enum diagnostic_category c)
{
    assert((unsigned)c < DIAGNOSTIC_CATEGORIES);
    return names[c];
}

enum diagnostic_category diagnostic_category_of(struct slice name)
{
    enum diagnostic_category c = 0;
    while (c < DIAGNOSTIC_CATEGORIES && !slice_is_nocase(name, names[c])) c++;
    return c;
}
