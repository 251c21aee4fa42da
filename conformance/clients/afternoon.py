"""Issue, poll, list, renew, revoke over one keep-alive connection, as strict about the published fields as generated
clients are."""

import base64
import datetime
import http.client
import json
import ssl
import sys
import urllib.parse

base, root, token_file, operations, csr_file = sys.argv[1:]
address = urllib.parse.urlsplit(base)
connection = http.client.HTTPSConnection(
    address.hostname, address.port, context=ssl.create_default_context(cafile=root), timeout=30
)
headers = {
    "Authorization": "Bearer " + open(token_file).read().strip(),
    "Accept": "application/json",
    "Content-Type": "application/json",
}


def call(method, path, body=None, expect=200):
    connection.request(method, "/api/" + path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == expect, (method, path, answer.status, text)
    assert answer.headers["X-Request-Id"], answer.headers
    return json.loads(text) if text else None


REQUIRED = [
    "uuid", "commonName", "subjectDn", "publicKeyAlgorithm", "keySize", "state", "validationStatus", "certificateType",
    "complianceStatus", "privateKeyAvailability", "hybridCertificate", "serialNumber", "fingerprint", "notBefore",
    "notAfter", "issuerDn", "certificateContent", "certificateRequest", "raProfile", "signatureAlgorithm",
]

csr = open(csr_file).read()
issued = call("POST", f"{operations}/certificates", {"request": csr, "attributes": []})
assert base64.b64decode(issued["certificateData"], validate=True)[0] == 0x30
shown = call("GET", f"v1/certificates/{issued['uuid']}")
missing = [key for key in REQUIRED if shown.get(key) is None]
assert not missing, missing
assert shown["state"] == "issued"
for key in ("notBefore", "notAfter"):
    assert datetime.datetime.fromisoformat(shown[key]).tzinfo, shown[key]
assert int(shown["serialNumber"], 16) > 1 << 63 and shown["serialNumber"] == shown["serialNumber"].lower()
assert len(shown["fingerprint"]) == 64

page = call("POST", "v1/certificates", {"itemsPerPage": 10, "pageNumber": 1})
assert any(item["uuid"] == issued["uuid"] for item in page["certificates"]), page
for key in ("itemsPerPage", "pageNumber", "totalPages", "totalItems"):
    assert isinstance(page[key], int), key

renewed = call("POST", f"{operations}/certificates/{issued['uuid']}/renew", {})
assert renewed["uuid"] != issued["uuid"]
faults = call("POST", f"{operations}/certificates/{issued['uuid']}/rekey", {"request": csr}, expect=422)
assert isinstance(faults, list) and all(isinstance(fault, str) for fault in faults), faults
call("POST", f"{operations}/certificates/{issued['uuid']}/revoke", {"attributes": []}, expect=204)
assert call("GET", f"v1/certificates/{issued['uuid']}")["state"] == "revoked"
assert call("GET", "v1/certificates/11111111-1111-4111-8111-111111111111", expect=404)["message"]
print("all well")
