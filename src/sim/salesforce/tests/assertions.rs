//! Signed assertions for tests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::SigningKey;
use serde_json::{Value, json};

/// A JWT with these claims, signed by an RSA key.
pub(in super::super) fn signed(claims: &Value, key: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({"alg": "RS256"})), part(claims));
    let key = rcgen::KeyPair::from_pem(key).unwrap();
    let signature = key.sign(message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key pair made for tests only.
pub(in super::super) const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQChZH0vbam/evq9
vmQugMdHqSrfHlFSnSDoOQ6ahfdt/xneGedg7P9Q7aiQiWP+prDIEQ5X93AgTlqU
iNnWSx769fypsoLAigdcQGESn0XELLWNmfJN33s9v4oXw3Mxg2KPhVgFq/qCvJ0+
jDtS/li0CfBU5c9YXSg35AbThnYirCgENPWXd/STOO2nj018+mcksbXH9sQ4dpHA
QwdF6a1rfCMvXi4FWwCx9DWHZk/AeqfDv8wAQuUzzqOFOhXpu+f6QWPwtT6KWWyh
b/YGAZNzjNBSDSAZQ+qUFdbsDVxvF1+m0GpXxRt7EmPEgGBgn/aUMoNBP9178bJU
rjNFG72rAgMBAAECggEADqJUgZTxg+XMT6EwZ1ERAMvzkbinihSqU7Q8wUEtfuFX
QJ7brpu+yOFL3BNBKGmH9RQq10od9if0qaxBCF/WZs4gQ2jm1zuM0E4cHzqm8lNV
gQn5ARunCqHQDTiRPOeba8UdBqKh+/HLVk0T4gIjG+wcyS3vX6VOzMaV4d863gjW
SdfP0f1loFEiE2qv+YyPuZKTyjme3YOFf5SZxtycoXYah51R51x0P7t7wpzDeBAw
elDl9hELNLNT8Pu67Qnf7P3U/bDiRaNGHBoCB4rT5f7uY+yfQGzFh/Eosz2Fn1+U
FHvBzKtYGkCWd8b92gxlJgEnEAau1zDJXAj1JesxBQKBgQDXQOHa3xNQXV0s6+xk
ESDW9qWAIco4jJUffVI4A6hGZGN7ESnW837GkbVH/SoBkHAGG6XD9wI+JOvEgZL5
sLqGaG4yp6gUDqHDYGcWwh6D0tJrDOBm3LliH2Vvq77UcTPNGRlIMonynyZnaqEu
EpW7KcIU4iuYWcrmU9OlfHcpHQKBgQC/8YXo3UKEeR2rTHraP0LQ8bOqYa5yrfQO
YJM5uz/ECIICDwD9EaEjhdE56nPf3lWcDlsy4VbTqA3QuFIjywgwcXYOLLBf0JUD
ufQqsfuY7gqoWeq9Xr7KVjO/I0L4ZAWV9EXuBbvZElg2qj0KJyvu7rOs5MQPznFM
/beAMo+PZwKBgBQnRv4vFKfZlfe2vxM/Z0u5HBW7FCvnPa8NFL2Z2g99JrNHEBvI
AH6m9cofsecjltl7jTGj1tnqqwhi+VfXbB9Zd7fWaq42EH8yb3R6CFFfU8QiGICI
+fJt7hlegydw0eDKEMvpr3C/5eCY4y5lHw+/ASTjaCGDhrO59X7xAFchAoGAcVCC
v6Cv/kkKTPCPrnyeU3/9k16rgCRV6o71G6YB1Rc4uUJmUQCxYqlDha91zPoTDFgl
WvpRKg8SaOAIDf10zjSNf3y+ezJGZrbHANWmNPiC7jR3MmjWtdkCH5sPlFhoO8jD
5+sWpOYBkfQaqP3LH/lntXAwlyxHEy7NwC8ZNY0CgYBzNv0+8RfpT6FIfR4ryl3R
jqOJ1UzTV3r3MK5rGNJEIcDeeeYfE1MqeRY1Yihmf45pb05CJVw5u+gTXby3Q67n
Dv0x9+PmmUuNWi2AHSAP1MBCNK7OR8Eg/Lxz53kbscJxPI8sfYuNWDpOHOJioAK4
6JuOXpzgO1PJMh7YMQ3uSQ==
-----END PRIVATE KEY-----
";
/// Its public half.
pub(in super::super) const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoWR9L22pv3r6vb5kLoDH
R6kq3x5RUp0g6DkOmoX3bf8Z3hnnYOz/UO2okIlj/qawyBEOV/dwIE5alIjZ1kse
+vX8qbKCwIoHXEBhEp9FxCy1jZnyTd97Pb+KF8NzMYNij4VYBav6grydPow7Uv5Y
tAnwVOXPWF0oN+QG04Z2IqwoBDT1l3f0kzjtp49NfPpnJLG1x/bEOHaRwEMHRemt
a3wjL14uBVsAsfQ1h2ZPwHqnw7/MAELlM86jhToV6bvn+kFj8LU+illsoW/2BgGT
c4zQUg0gGUPqlBXW7A1cbxdfptBqV8UbexJjxIBgYJ/2lDKDQT/de/GyVK4zRRu9
qwIDAQAB
-----END PUBLIC KEY-----
";
