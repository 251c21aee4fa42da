//! Bearer tokens.

use chancery_core::{Actor, Error, NewToken, Origin, Role, Scope};
use time::Duration;

use crate::bench::{Bench, actor, only, origin};

fn new(role: Role, profiles: &[&str]) -> NewToken {
    NewToken {
        name: "ci".into(),
        role,
        profiles: profiles.iter().map(|name| (*name).into()).collect(),
        lifetime: Some(Duration::hours(1)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_until_it_ends_or_is_revoked() {
    let bench = Bench::new().await;
    let (system, from) = (Actor::system(), Origin::system());
    let (text, record) = bench.ra.create_token(&system, &from, new(Role::Requester, &["device"])).await.unwrap();
    let holder = bench.ra.authenticate(&text, &origin()).await.unwrap();
    assert_eq!((holder.role, &holder.scope), (Role::Requester, &only(&bench.profile("device").await)));
    bench.clock.advance(Duration::minutes(61));
    assert!(matches!(bench.ra.authenticate(&text, &origin()).await, Err(Error::Unauthenticated)));
    let (text, second) = bench.ra.create_token(&system, &from, new(Role::Auditor, &[])).await.unwrap();
    bench.ra.authenticate(&text, &origin()).await.unwrap();
    bench.ra.revoke_token(&system, &from, second.id).await.unwrap();
    assert!(matches!(bench.ra.authenticate(&text, &origin()).await, Err(Error::Unauthenticated)), "at once");
    assert!(matches!(bench.ra.revoke_token(&system, &from, second.id).await, Err(Error::NotFound { .. })));
    assert_ne!(record.hash, second.hash);
    let told = bench.told("login.failure").await;
    assert!(told.iter().any(|body| body.contains("expired token")) && told.iter().any(|body| body.contains("revoked")));
    assert!(!told.iter().any(|body| body.contains(&text)), "no token stands in the trail");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_some_profiles_gives_no_more_than_it_has() {
    let bench = Bench::new().await;
    let device = bench.profile("device").await;
    let limited = actor(Role::Administrator, only(&device));
    let (_, whole) = bench.ra.create_token(&Actor::system(), &Origin::system(), new(Role::Auditor, &[])).await.unwrap();
    let (_, own) = bench.ra.create_token(&limited, &origin(), new(Role::Administrator, &[])).await.unwrap();
    assert_eq!(own.scope, only(&device));
    let outside = bench.ra.create_token(&limited, &origin(), new(Role::Requester, &["email"])).await;
    assert!(matches!(outside, Err(Error::NotFound { .. })), "{outside:?}");
    assert_eq!(bench.ra.tokens(&limited, &origin()).await.unwrap().len(), 1);
    assert!(matches!(bench.ra.revoke_token(&limited, &origin(), whole.id).await, Err(Error::NotFound { .. })));
    for name in ["system", "anonymous", "local:uid=0", "", "a\nb"] {
        let disguised = NewToken { name: name.into(), ..new(Role::Requester, &[]) };
        let refused = bench.ra.create_token(&Actor::system(), &Origin::system(), disguised).await;
        assert!(matches!(refused, Err(Error::Rejected(_))), "{name:?}: {refused:?}");
    }
    for role in [Role::Requester, Role::Operator, Role::Auditor] {
        let refused = bench.ra.create_token(&actor(role, Scope::All), &origin(), new(Role::Requester, &[])).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
}
