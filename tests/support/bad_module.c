/* SoftHSM's module, but for what it does when it signs: BAD_MODULE says crash, hang or lie. Where BAD_MODULE_ONCE names a file,
   it does so only as long as it can remove that file. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;

/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, then 68 functions; C_GetFunctionList is the 4th, C_Sign the 44th. */
struct functions {
    unsigned char version[2];
    void *all[68];
};
enum { GET_FUNCTION_LIST = 3, SIGN = 43 };

static struct functions ours;
static ulong_t (*real_sign)(ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *);

static ulong_t bad_sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature,
                        ulong_t *signature_length) {
    const char *how = getenv("BAD_MODULE"), *once = getenv("BAD_MODULE_ONCE");
    if (once && unlink(once))
        how = NULL;
    if (how && !strcmp(how, "crash"))
        abort();
    if (how && !strcmp(how, "hang"))
        sleep(60);
    ulong_t status = real_sign(session, data, length, signature, signature_length);
    if (how && !strcmp(how, "lie") && !status && signature)
        signature[0] ^= 1;
    return status;
}

ulong_t C_GetFunctionList(struct functions **list) {
    void *softhsm = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
    if (!softhsm)
        return 5;
    ulong_t (*get)(struct functions **) = (ulong_t(*)(struct functions **))dlsym(softhsm, "C_GetFunctionList");
    struct functions *theirs;
    ulong_t status = get(&theirs);
    if (status)
        return status;
    ours = *theirs;
    real_sign = (ulong_t(*)(ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *))theirs->all[SIGN];
    ours.all[SIGN] = (void *)bad_sign;
    ours.all[GET_FUNCTION_LIST] = (void *)C_GetFunctionList;
    *list = &ours;
    return 0;
}
