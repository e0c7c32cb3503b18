/* SoftHSM's module, but for what BAD_MODULE says: crash, hang, lie, huge or short when it signs; count and attribute when
   it is looked at; rename: other labels, and slots in another order. Where BAD_MODULE_ONCE names a file, it signs badly only as
   long as it can remove that file. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;

/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, then 68 functions. */
struct functions {
    unsigned char version[2];
    void *all[68];
};
enum { GET_FUNCTION_LIST = 3, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, GET_ATTRIBUTES = 24, FIND_OBJECTS = 27, SIGN = 43 };

/* CK_ATTRIBUTE. */
struct attribute {
    ulong_t type;
    void *value;
    ulong_t length;
};

/* More than any memory has. */
static const ulong_t ENDLESS = 1ul << 62;

static struct functions ours, theirs;

static int says(const char *word) {
    const char *how = getenv("BAD_MODULE");
    return how && !strcmp(how, word);
}

static ulong_t bad_sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature,
                        ulong_t *signature_length) {
    ulong_t (*sign)(ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *) =
        (ulong_t(*)(ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *))theirs.all[SIGN];
    const char *once = getenv("BAD_MODULE_ONCE");
    if (once && unlink(once))
        return sign(session, data, length, signature, signature_length);
    if (says("crash"))
        abort();
    if (says("hang"))
        sleep(60);
    ulong_t status = sign(session, data, length, signature, signature_length);
    if (says("lie") && !status && signature)
        signature[0] ^= 1;
    if (says("huge") && !signature)
        *signature_length = ENDLESS;
    if (says("short") && signature)
        *signature_length = 1;
    return status;
}

static ulong_t bad_find(ulong_t session, ulong_t *objects, ulong_t most, ulong_t *count) {
    ulong_t status =
        ((ulong_t(*)(ulong_t, ulong_t *, ulong_t, ulong_t *))theirs.all[FIND_OBJECTS])(session, objects, most, count);
    if (says("count"))
        *count = most + 1000;
    return status;
}

static ulong_t bad_attributes(ulong_t session, ulong_t object, struct attribute *asked, ulong_t count) {
    ulong_t status = ((ulong_t(*)(ulong_t, ulong_t, struct attribute *, ulong_t))theirs.all[GET_ATTRIBUTES])(
        session, object, asked, count);
    if (says("attribute") && count)
        asked[0].length = ENDLESS;
    return status;
}

static ulong_t bad_slots(unsigned char present, ulong_t *slots, ulong_t *count) {
    ulong_t status = ((ulong_t(*)(unsigned char, ulong_t *, ulong_t *))theirs.all[GET_SLOT_LIST])(present, slots, count);
    if (says("rename") && !status && slots)
        for (ulong_t at = 0; at < *count / 2; at++) {
            ulong_t other = slots[at];
            slots[at] = slots[*count - 1 - at];
            slots[*count - 1 - at] = other;
        }
    return status;
}

static ulong_t bad_info(ulong_t slot, char *info) {
    ulong_t status = ((ulong_t(*)(ulong_t, char *))theirs.all[GET_TOKEN_INFO])(slot, info);
    /* CK_TOKEN_INFO begins with the label, 32 bytes. */
    if (says("rename") && !status)
        memcpy(info, "somebody else's (UserPIN)       ", 32);
    return status;
}

ulong_t C_GetFunctionList(struct functions **list) {
    void *softhsm = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
    if (!softhsm)
        return 5;
    ulong_t (*get)(struct functions **) = (ulong_t(*)(struct functions **))dlsym(softhsm, "C_GetFunctionList");
    struct functions *found;
    ulong_t status = get(&found);
    if (status)
        return status;
    ours = theirs = *found;
    ours.all[GET_FUNCTION_LIST] = (void *)C_GetFunctionList;
    ours.all[GET_SLOT_LIST] = (void *)bad_slots;
    ours.all[GET_TOKEN_INFO] = (void *)bad_info;
    ours.all[GET_ATTRIBUTES] = (void *)bad_attributes;
    ours.all[FIND_OBJECTS] = (void *)bad_find;
    ours.all[SIGN] = (void *)bad_sign;
    *list = &ours;
    return 0;
}
