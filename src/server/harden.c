/* harden.c - capabilities, limits and a filter of system calls.
 *
 * The filter names what is refused and lets the rest pass: libraries that are loaded later (librdkafka,
 * name services) call what we cannot list, and a server that dies of an update of its C library
 * protects nobody.  The numbers are of this machine's own calling convention; calls by another one
 * (32 bits, x32) are refused altogether.
 */
#include "server/harden.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void harden_memory(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

/* ---- who we are */

static bool set_capabilities(uint32_t kept)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = kept, .permitted = kept}};
    return syscall(SYS_capset, &head, data) == 0;
}

enum err harden_user(const char *name)
{
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return fail(ERR_NOT_FOUND, "--user: there is no user '%s' on this machine", name);
    if (geteuid() == user->pw_uid) return OK;
    if (geteuid() != 0)
        return fail(ERR_DENIED, "--user: only root can become '%s'; start the server as that user",
                    name);
    prctl(PR_SET_KEEPCAPS, 1);
    if (initgroups(name, user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid))
        return fail_errno("--user: cannot become '%s'", name);
    prctl(PR_SET_KEEPCAPS, 0);
    set_capabilities(1u << CAP_NET_BIND_SERVICE);
    return OK;
}

/* Who runs as root keeps what root has: files of others may be his data. */
void harden_ports_bound(void)
{
    if (geteuid() != 0) set_capabilities(0);
}

/* ---- what we call */

#if defined __x86_64__
enum { OUR_ARCH = (int)AUDIT_ARCH_X86_64, FOREIGN_BIT = 0x40000000 };
#elif defined __aarch64__
enum { OUR_ARCH = (int)AUDIT_ARCH_AARCH64, FOREIGN_BIT = 0x40000000 };
#else
enum { OUR_ARCH = 0, FOREIGN_BIT = 0 };
#endif

static const unsigned refused_calls[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_open_by_handle_at,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_mknodat,
    SYS_setuid,
    SYS_setreuid,
    SYS_setresuid,
    SYS_setgid,
    SYS_setregid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_personality,
    SYS_io_uring_setup,
};

enum { REFUSED_CALLS = sizeof refused_calls / sizeof *refused_calls };

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE       ANSWER(SECCOMP_RET_ERRNO | EPERM)

bool harden_calls(void)
{
    struct sock_filter code[2 * REFUSED_CALLS + 8] = {
        LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)OUR_ARCH, 1, 0), REFUSE,
        LOAD(nr),   BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FOREIGN_BIT, 0, 1),       REFUSE,
    };
    unsigned short count = 6;
    for (size_t i = 0; i < REFUSED_CALLS; i++) {
        code[count++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused_calls[i], 0, 1);
        code[count++] = (struct sock_filter)REFUSE;
    }
    code[count++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {.len = count, .filter = code};
    if (OUR_ARCH == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return false;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
