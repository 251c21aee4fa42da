//! One authenticated request.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::{Data, Query};
use actix_web::{FromRequest, HttpRequest};
use chancery_acme::Acme;
use chancery_core::audit::Event;
use chancery_core::{Actor, Authorization, Door, Origin, ProfileRef, Ra};
use chancery_http::Caller;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Error, body};

/// Who asks, what of, and the path's parameters. Extracting it authenticates.
pub(crate) struct Call {
    pub ra: Data<Ra>,
    pub acme: Data<Acme>,
    pub actor: Actor,
    pub origin: Origin,
    pub request: HttpRequest,
}

impl Call {
    async fn of(request: HttpRequest) -> Result<Self, Error> {
        let ra = request
            .app_data::<Data<Ra>>()
            .cloned()
            .ok_or_else(|| chancery_core::Error::internal("the REST routes were mounted without their core"))?;
        let acme = request
            .app_data::<Data<Acme>>()
            .cloned()
            .ok_or_else(|| chancery_core::Error::internal("the REST routes were mounted without the ACME door"))?;
        let Caller { actor, origin } = chancery_http::authenticate(&request, &ra, Door::Rest).await?;
        Ok(Self { ra, acme, actor, origin, request })
    }

    /// A UUID of the path.
    pub fn id(&self, name: &'static str) -> Result<Uuid, Error> {
        let text = self.request.match_info().get(name).unwrap_or_default();
        uuid(text).ok_or_else(|| Error::malformed(format!("{name} in the path is not a UUID")))
    }

    /// The RA profile of the path, below the authority of the path.
    pub fn profile(&self) -> Result<ProfileRef, Error> {
        Ok(ProfileRef::Under { authority: self.id("authorityUuid")?, profile: self.id("raProfileUuid")? })
    }

    /// The question whether the caller may use the RA profile of the path, answered.
    pub async fn authorize(&self) -> Result<Authorization, Error> {
        Ok(self.ra.authorize(&self.actor, &self.origin, &self.profile()?).await?)
    }

    /// What a body asks for; a refusal is told in the trail before it is answered.
    pub async fn settle<T>(
        &self,
        authorization: &Authorization,
        event: Event,
        certificate: Option<Uuid>,
        settled: Result<T, Error>,
    ) -> Result<T, Error> {
        match settled {
            Err(Error::Domain(error)) => Err(self.ra.refuse(authorization, event, certificate, error).await.into()),
            settled => settled,
        }
    }

    /// A query parameter; the last one when it comes twice.
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = Query::<Vec<(String, String)>>::from_query(self.request.query_string()).ok()?.into_inner();
        pairs.into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A true-or-false query parameter.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.query(name).as_deref() {
            None | Some("") => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Error::malformed(format!("query parameter {name} is neither true nor false"))),
        }
    }
}

/// The 36-character form alone: braces, `urn:uuid:` and the short form are other people's identifiers.
pub(crate) fn uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

impl FromRequest for Call {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Self::of(request.clone()))
    }
}

/// A [`Call`] with a JSON body, read only after the caller is known.
pub(crate) struct With<T> {
    pub call: Call,
    pub body: T,
}

impl<T: DeserializeOwned + 'static> FromRequest for With<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let call = Call::of(request).await?;
            let body = body::read(&call.request, payload).await?;
            Ok(Self { call, body })
        })
    }
}
