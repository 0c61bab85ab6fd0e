/* cause.c - the causes: codes, stages, texts.
 *
 * docs/reference/why.md has the same table; refusal_test.c compares them.  Codes stay for ever: a cause that goes leaves a
 * gap.  Every text follows one rule: what happened, what was seen, what was expected, one next step. */
#include "hub/refusal/refusal.h"

static const struct refusal_text texts[REFUSAL_CAUSES] = {
    [REFUSAL_CONNECTED] = {"C000", "connected", STAGE_SESSION, SEVERITY_CONNECTED,
                           "{id} connected over {protocol} from {peer}.", "an open session",
                           "an open session", "nothing: it works"},
    [REFUSAL_NO_TLS] = {"C101", "no-tls", STAGE_TLS, SEVERITY_REFUSED,
                        "{peer} did not speak TLS on the TLS port {port}.",
                        "bytes that are no ClientHello",
                        "TLS 1.2 or 1.3: Azure IoT clients always use it here",
                        "switch TLS on in the client, then try: openssl s_client -connect "
                        "{host}:{port} -CAfile {ca}"},
    [REFUSAL_TLS_VERSION] = {"C102", "tls-version", STAGE_TLS, SEVERITY_REFUSED,
                             "{peer} offers only versions of TLS that are too old.",
                             "a version below TLS 1.2", "TLS 1.2 or 1.3",
                             "renew the client's TLS library, then try: openssl s_client -tls1_2 "
                             "-connect {host}:{port}"},
    [REFUSAL_SERVER_NOT_TRUSTED] =
        {"C103", "server-not-trusted", STAGE_TLS, SEVERITY_REFUSED,
         "{peer} refused our certificate: it does not trust who issued it.", "an alert of TLS",
         "a client that trusts {ca}",
         "give the client that file: NODE_EXTRA_CA_CERTS={ca} (Node), SSL_CERT_FILE={ca} (Python, "
         "OpenSSL)"},
    [REFUSAL_NAME_MISMATCH] =
        {"C104", "name-mismatch", STAGE_TLS, SEVERITY_REFUSED,
         "{peer} asked for a name that our certificate does not have, and left.", "{sni}",
         "one of our names", "azimuth serve --hostname {sniword}, beside the names there are"},
    [REFUSAL_CLIENT_CERT] =
        {"C105", "client-cert", STAGE_CREDENTIAL, SEVERITY_REFUSED,
         "The client certificate that {id} showed does not count.", "a certificate",
         "a certificate that is valid now, from a verified CA of the hub, with all intermediates",
         "azimuth hub certificate list"},
    [REFUSAL_NO_COMMON_CIPHER] =
        {"C106", "no-common-cipher", STAGE_TLS, SEVERITY_REFUSED,
         "{peer} and this server have no cipher suite, group or signature in common.",
         "a ClientHello that offers none of ours",
         "ECDHE with AES-GCM or ChaCha20, P-256 or X25519, ECDSA or RSA signatures",
         "openssl s_client -connect {host}:{port} -CAfile {ca}"},
    [REFUSAL_TLS_BROKEN] = {"C107", "tls-broken", STAGE_TLS, SEVERITY_REFUSED,
                            "The TLS handshake of {peer} broke a rule.",
                            "a record that cannot be read",
                            "a handshake after RFC 8446 or RFC 5246",
                            "look for a proxy that changes bytes: openssl s_client -connect "
                            "{host}:{port} -CAfile {ca}"},
    [REFUSAL_CLIENT_CLOCK] =
        {"C108", "client-clock", STAGE_TLS, SEVERITY_REFUSED,
         "By the clock of {peer} our certificate has ended: that clock seems to be at least {for} "
         "ahead.",
         "an alert of TLS: certificate expired", "a clock that is right",
         "set the client's clock (NTP)"},
    [REFUSAL_WS_PATH] = {"C110", "ws-path", STAGE_WEBSOCKET, SEVERITY_REFUSED,
                         "{peer} asked for a WebSocket that is not served.",
                         "another path or subprotocol",
                         "/$iothub/websocket with Sec-WebSocket-Protocol mqtt or AMQPWSB10",
                         "use wss://{host}/$iothub/websocket with one of these subprotocols"},
    [REFUSAL_MQTT_LEVEL] =
        {"C120", "mqtt-level", STAGE_PROTOCOL, SEVERITY_REFUSED,
         "{peer} asked for another version of MQTT.", "another protocol level",
         "MQTT 3.1.1 (level 4)",
         "set the client's protocol version to 3.1.1, as in: mosquitto_pub -V mqttv311"},
    [REFUSAL_ID_MISMATCH] =
        {"C121", "id-mismatch", STAGE_IDENTITY, SEVERITY_REFUSED,
         "The MQTT client id is not the id of the user name.", "two different ids",
         "equal ids: device, or device/module",
         "set the client id to what the user name says, or the other way round"},
    [REFUSAL_USER_NAME] = {"C122", "username-form", STAGE_IDENTITY, SEVERITY_REFUSED,
                           "The MQTT user name cannot be read.", "another form",
                           "{host}/DEVICE[/MODULE]/?api-version=2021-04-12",
                           "set the user name to {host}/DEVICE/?api-version=2021-04-12"},
    [REFUSAL_OTHER_HUB] = {"C123", "other-hub", STAGE_IDENTITY, SEVERITY_REFUSED,
                           "The client wants another hub.", "another host name", "one of our names",
                           "azimuth serve --hostname NAME, beside the names there are, or mend the "
                           "connection string"},
    [REFUSAL_SAS_FORM] = {"C130", "sas-form", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                          "{id} showed no token that can be read.", "something else",
                          "SharedAccessSignature sr=...&sig=...&se=...",
                          "azimuth hub generate-sas-token {target}"},
    [REFUSAL_SAS_EXPIRED] = {"C131", "sas-expired", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                             "The token of {id} had run out {for} before, by the server's clock.",
                             "a token that ran out {for} before it was shown",
                             "a token whose se is in the future",
                             "look at the device's clock (NTP), or make a new one: azimuth hub "
                             "generate-sas-token {target}"},
    [REFUSAL_SAS_RESOURCE] = {"C132", "sas-resource", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                              "The token that {id} showed is for something else.", "another sr",
                              "{host}/devices/{id}", "azimuth hub generate-sas-token {target}"},
    [REFUSAL_SAS_SIGNATURE] = {"C133", "sas-signature", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                               "The token's signature fits neither key of {id}.",
                               "a signature by another key",
                               "the primary or the secondary key of the identity",
                               "azimuth connection-string {target}"},
    [REFUSAL_SAS_NOT_ALLOWED] =
        {"C134", "sas-not-allowed", STAGE_PERMISSION, SEVERITY_REFUSED,
         "{id} showed a token of its own, and this hub takes none of its kind.",
         "a token that is good", "a client certificate",
         "give it a certificate, or set disable-device-sas and disable-module-sas to false in "
         "azimuth.yaml"},
    [REFUSAL_POLICY_RIGHT] = {"C135", "policy-right", STAGE_PERMISSION, SEVERITY_REFUSED,
                              "The policy that signed the token of {id} may not connect devices.",
                              "another right", "DeviceConnect",
                              "azimuth hub generate-sas-token {target} --policy-name device"},
    [REFUSAL_SAS_TOO_LONG] = {"C136", "sas-too-long", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                              "The token of {id} lasts longer than this hub allows.",
                              "a token that is good for long",
                              "a shorter lifetime: see --device-token-lifetime",
                              "azimuth hub generate-sas-token {target} --duration 3600"},
    [REFUSAL_UNKNOWN_ID] = {"C140", "unknown-id", STAGE_IDENTITY, SEVERITY_REFUSED,
                            "There is no device or module {id}.", "an id that is not registered",
                            "a registered id; ids are case-sensitive",
                            "azimuth hub {kind} create {target}"},
    [REFUSAL_DISABLED] = {"C141", "disabled", STAGE_PERMISSION, SEVERITY_REFUSED,
                          "{id} is disabled.", "status disabled", "status enabled",
                          "azimuth hub {kind} update {target} --status enabled"},
    [REFUSAL_AUTH_KIND] = {"C142", "auth-kind", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                           "{id} showed another kind of credential than it is set to.",
                           "the other kind", "the kind that the identity has",
                           "azimuth hub {kind} show {target} --query authentication.type"},
    [REFUSAL_THUMBPRINT] =
        {"C143", "thumbprint", STAGE_CREDENTIAL, SEVERITY_REFUSED,
         "The certificate that {id} showed is none of the two that are registered.",
         "another certificate", "a registered thumbprint",
         "azimuth hub {kind} update {target} --primary-thumbprint HEX"},
    [REFUSAL_ON_BEHALF] = {"C144", "on-behalf", STAGE_PERMISSION, SEVERITY_REFUSED,
                           "An edge hub asked on behalf of {id}, for which it may not speak.",
                           "an auth chain that is not so",
                           "the chain of parents as it is registered",
                           "azimuth hub device-identity parent show {target}"},
    [REFUSAL_THROTTLED] = {"C150", "throttled", STAGE_PERMISSION, SEVERITY_REFUSED,
                           "{id} was refused because the hub's limit was reached.",
                           "more than the limit", "a rate below it",
                           "try again later; the limits: azimuth serve --help"},
    [REFUSAL_QUOTA] = {"C151", "quota", STAGE_PERMISSION, SEVERITY_REFUSED,
                       "A message of {id} was refused: the messages of the day are used up.",
                       "the daily quota", "a quota that lasts until midnight UTC",
                       "wait until midnight UTC, or raise it: azimuth serve --help"},
    [REFUSAL_TAKEOVER] =
        {"C160", "takeover", STAGE_SESSION, SEVERITY_CLOSED,
         "Two clients share the id {id}: {peer} ({sdk}) took it over.",
         "another connection of the same id", "one connection for each id",
         "give the second client an id of its own: azimuth hub device-identity create -d OTHER"},
    [REFUSAL_KEEPALIVE] =
        {"C161", "keepalive", STAGE_SESSION, SEVERITY_CLOSED,
         "{id} was silent for longer than it had promised.", "no packet",
         "a packet within one and a half times the keep-alive",
         "look at the device's network and power saving, or give it a longer keep-alive"},
    [REFUSAL_TOKEN_RENEWAL] =
        {"C162", "token-renewal", STAGE_SESSION, SEVERITY_GREY,
         "The token of {id} ran out, and the connection was closed.", "the end of a token",
         "a new connection with a new token within a minute: this is normal",
         "nothing, if it came back; else see why its client makes no new token"},
    [REFUSAL_PROTOCOL] = {"C163", "protocol", STAGE_TRAFFIC, SEVERITY_CLOSED,
                          "The connection of {id} was closed for what it sent.",
                          "something that is not allowed", "what docs/protocol/mqtt.md allows",
                          "mend what it sends; what is allowed: docs/protocol/mqtt.md"},
    [REFUSAL_PEER_GONE] =
        {"C164", "peer-gone", STAGE_SESSION, SEVERITY_GREY,
         "The connection of {id} ended without a goodbye.", "the end of the stream",
         "DISCONNECT, or an AMQP close",
         "look at the network between {peer} and this server, or at whether the device restarted"},
    [REFUSAL_WE_CLOSED] = {"C165", "we-closed", STAGE_SESSION, SEVERITY_CLOSED,
                           "This server closed the connection of {id}.", "a reason of the server's",
                           "a new connection", "see that it connects again: azimuth why {word}"},
    [REFUSAL_DPS_NO_ENROLLMENT] = {"C170", "dps-no-enrollment", STAGE_IDENTITY, SEVERITY_REFUSED,
                                   "Nobody has enrolled {id} for provisioning.",
                                   "no enrollment that fits",
                                   "an individual enrollment, or a group's key or CA",
                                   "azimuth dps enrollment create --eid {word}"},
    [REFUSAL_DPS_CERTIFICATE] =
        {"C171", "dps-certificate", STAGE_CREDENTIAL, SEVERITY_REFUSED,
         "The certificate with which {id} asks to be provisioned does not count.", "a certificate",
         "the enrolled one, or a chain to a verified CA, with the registration id as its common "
         "name",
         "send the whole chain from the client, or upload its issuer: azimuth dps certificate "
         "create"},
    [REFUSAL_DPS_DISABLED] =
        {"C172", "dps-disabled", STAGE_PERMISSION, SEVERITY_REFUSED,
         "The enrollment of {id} is disabled.", "provisioningStatus disabled",
         "provisioningStatus enabled",
         "azimuth dps enrollment update --eid {word} --provisioning-status enabled"},
    [REFUSAL_DPS_NO_HUB] = {"C173", "dps-no-hub", STAGE_SESSION, SEVERITY_REFUSED,
                            "{id} proved who it is, and could not be assigned to a hub.",
                            "no hub that takes it", "a linked hub that answers",
                            "azimuth dps linked-hub list"},
    [REFUSAL_DPS_WEBHOOK] =
        {"C174", "dps-webhook", STAGE_SESSION, SEVERITY_REFUSED,
         "The webhook that chooses the hub of {id} did not choose one.", "a webhook's answer",
         "200 and the name of a linked hub",
         "azimuth dps enrollment-group show, and look at the webhook's own log"},
    [REFUSAL_DPS_KEY] = {"C175", "dps-key", STAGE_CREDENTIAL, SEVERITY_REFUSED,
                         "The token with which {id} asks to be provisioned does not count.",
                         "a token",
                         "SharedAccessSignature sr=IDSCOPE/registrations/{id}, signed with the "
                         "enrollment's key or one derived from the group's",
                         "azimuth dps compute-device-key --rid {word} --key GROUPKEY"},
    [REFUSAL_NOT_SUBSCRIBED] = {"M10", "not-subscribed", STAGE_SUBSCRIPTIONS, SEVERITY_REFUSED,
                                "{id} is connected, but does not listen to direct methods.",
                                "no subscription",
                                "a subscription to $iothub/methods/POST/#, or AMQP links to "
                                "/devices/{id}/methods/devicebound",
                                "set a method handler in the client before it connects "
                                "(onDeviceMethod, on_method_request_received)"},
};

const struct refusal_text *refusal_text(enum refusal_cause cause)
{
    assert(cause < REFUSAL_CAUSES);
    return &texts[cause];
}

enum refusal_cause refusal_cause_of(struct slice text)
{
    for (int i = 0; i < REFUSAL_CAUSES; i++)
        if (slice_eq_nocase(text, slice_str(texts[i].code)) ||
            slice_eq_nocase(text, slice_str(texts[i].name)))
            return (enum refusal_cause)i;
    return REFUSAL_CAUSES;
}

const char *refusal_stage_name(enum refusal_stage stage)
{
    static const char *const names[STAGES] = {
        [STAGE_TCP] = "tcp",
        [STAGE_TLS] = "tls",
        [STAGE_WEBSOCKET] = "websocket",
        [STAGE_PROTOCOL] = "protocol",
        [STAGE_IDENTITY] = "identity",
        [STAGE_CREDENTIAL] = "credential",
        [STAGE_PERMISSION] = "permission",
        [STAGE_SESSION] = "session",
        [STAGE_SUBSCRIPTIONS] = "subscriptions",
        [STAGE_TRAFFIC] = "traffic",
    };
    assert(stage < STAGES);
    return names[stage];
}

const char *refusal_severity_name(enum refusal_severity severity)
{
    static const char *const names[] = {"refused", "closed", "grey", "connected"};
    return names[severity];
}
