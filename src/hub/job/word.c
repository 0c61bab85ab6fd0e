/* word.c - names of types and states, as the service API has them. */
#include "hub/job/job.h"

static const char *const types[JOB_TYPES] = {
    [JOB_METHOD] = "scheduleDeviceMethod",
    [JOB_TWIN] = "scheduleUpdateTwin",
};

static const char *const statuses[JOB_STATUSES] = {
    [JOB_SCHEDULED] = "scheduled", [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",
    [JOB_COMPLETED] = "completed", [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

const char *job_type_name(enum job_type t)
{
    assert((unsigned)t < JOB_TYPES);
    return types[t];
}

const char *job_status_name(enum job_status s)
{
    assert((unsigned)s < JOB_STATUSES);
    return statuses[s];
}

bool job_type_of(struct slice name, enum job_type *out)
{
    for (unsigned i = 0; i < JOB_TYPES; i++) {
        if (!slice_is_nocase(name, types[i])) continue;
        *out = (enum job_type)i;
        return true;
    }
    return false;
}

/* "finished" is Node's word for it (JobStatus of azure-iothub's job_client). */
bool job_status_of(struct slice name, enum job_status *out)
{
    if (slice_is_nocase(name, "finished")) name = slice_str(statuses[JOB_COMPLETED]);
    for (unsigned i = 0; i < JOB_STATUSES; i++) {
        if (!slice_is_nocase(name, statuses[i])) continue;
        *out = (enum job_status)i;
        return true;
    }
    return false;
}

static bool is_one_of(struct slice name, const char *const *words)
{
    while (*words && !slice_is_nocase(name, *words)) words++;
    return *words != NULL;
}

bool job_is_other_type(struct slice name)
{
    static const char *const words[] = {"unknown",
                                        "export",
                                        "import",
                                        "backup",
                                        "readDeviceProperties",
                                        "writeDeviceProperties",
                                        "updateDeviceConfiguration",
                                        "rebootDevice",
                                        "factoryResetDevice",
                                        "firmwareUpdate",
                                        "restoreFromBackup",
                                        "failoverDataCopy",
                                        NULL};
    return is_one_of(name, words);
}

bool job_is_other_status(struct slice name)
{
    static const char *const words[] = {"unknown", "enqueued", NULL};
    return is_one_of(name, words);
}
