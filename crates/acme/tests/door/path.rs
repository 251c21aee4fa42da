//! The way of an order, as clients go it.

use chancery_acme::{Body, Problem, Reply, Resource};
use chancery_pki::{Certificate, Csr, CsrTemplate, GeneralName, KeyType, Name, PrivateKey};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{Client, encode, object};

/// The resource behind a URL of ours.
pub fn resource(url: &str) -> Resource {
    let (_, path) = url.split_once("/acme/").unwrap();
    Resource::parse(&path[path.find('/').unwrap()..]).unwrap()
}

pub fn dns(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "type": "dns", "value": name })).collect()
}

pub fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::P256).unwrap()
}

/// A request of a new key for these names.
pub fn csr(dns: &[&str]) -> Csr {
    csr_of(&key(), None, dns.iter().map(|name| GeneralName::Dns((*name).into())).collect())
}

pub fn csr_of(key: &PrivateKey, common_name: Option<&str>, subject_alt_names: Vec<GeneralName>) -> Csr {
    let subject = common_name.map(|name| Name::from_common_name(name).unwrap());
    CsrTemplate { subject, subject_alt_names, ..CsrTemplate::default() }.sign(key).unwrap()
}

impl Client<'_> {
    /// A new order: its id and what is shown of it.
    pub async fn order(&self, new: Value) -> Result<(Uuid, Value), Problem> {
        let reply = self.ask(Resource::NewOrder, Some(new)).await?;
        assert_eq!(reply.status, 201);
        let Resource::Order(id) = resource(reply.location.as_ref().unwrap()) else { panic!("{reply:?}") };
        Ok((id, object(&reply)))
    }

    pub async fn order_for(&self, names: &[&str]) -> (Uuid, Value) {
        self.order(json!({ "identifiers": dns(names) })).await.unwrap()
    }

    pub async fn read(&self, url: &str) -> Value {
        object(&self.ask(resource(url), None).await.unwrap())
    }

    pub async fn status(&self, order: Uuid) -> String {
        let order = object(&self.ask(Resource::Order(order), None).await.unwrap());
        order["status"].as_str().unwrap().into()
    }

    /// Answer one challenge of each pending authorization, and wait for the first attempts.
    pub async fn prove(&self, order: &Value) {
        for authorization in order["authorizations"].as_array().unwrap() {
            let authorization = self.read(authorization.as_str().unwrap()).await;
            if authorization["status"] == "pending" {
                let challenge = authorization["challenges"][0]["url"].as_str().unwrap();
                self.ask(resource(challenge), Some(json!({}))).await.unwrap();
            }
        }
        self.house.acme.attempts_ended().await;
    }

    pub async fn finalize(&self, order: Uuid, csr: &Csr) -> Result<Reply, Problem> {
        self.ask(Resource::Finalize(order), Some(json!({ "csr": encode(csr.der()) }))).await
    }

    /// From the names to the finalized order.
    pub async fn issued(&self, names: &[&str], csr: &Csr) -> Value {
        let (id, order) = self.order_for(names).await;
        self.prove(&order).await;
        let reply = self.finalize(id, csr).await.unwrap();
        assert_eq!(reply.status, 200);
        object(&reply)
    }

    /// The certificate of a valid order, with its chain.
    pub async fn download(&self, order: &Value) -> Vec<Certificate> {
        let url = order["certificate"].as_str().unwrap();
        pem(&self.ask(resource(url), None).await.unwrap())
    }
}

pub fn pem(reply: &Reply) -> Vec<Certificate> {
    match &reply.body {
        Body::Bytes { content_type: "application/pem-certificate-chain", bytes } => {
            Certificate::all_from_pem(std::str::from_utf8(bytes).unwrap()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}
