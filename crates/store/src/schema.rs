//! The tables as diesel sees them: the same on both engines (migrations/ has them with their reasons).

diesel::table! {
    nodes (id) {
        id -> Binary,
        number -> Integer,
        boot -> BigInt,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Nullable<Binary>,
        fence -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    // PostgreSQL only.
    locks (name) {
        name -> Text,
    }
}

diesel::table! {
    secrets (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    authorities (id) {
        id -> Binary,
        name -> Text,
        issuer -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    keys (id) {
        id -> Binary,
        label -> Text,
        public_key -> Binary,
        wrapped -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    issuers (id) {
        id -> Binary,
        authority -> Binary,
        key -> Binary,
        certificate -> Binary,
        parent -> Binary,
        revocations -> BigInt,
    }
}

diesel::table! {
    crls (issuer, number) {
        issuer -> Binary,
        number -> BigInt,
        this_update -> BigInt,
        next_update -> BigInt,
        revocations -> BigInt,
        der -> Binary,
    }
}

diesel::table! {
    ra_profiles (id) {
        id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        enabled -> Integer,
        authority -> Binary,
        doors -> Text,
        attributes -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    tokens (id) {
        id -> Binary,
        name -> Text,
        hash -> Binary,
        role -> Text,
        scope -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    users (id) {
        id -> Binary,
        name -> Text,
        role -> Text,
        scope -> Nullable<Text>,
        certificate_fingerprint -> Nullable<Binary>,
        certificate_key_hash -> Nullable<Binary>,
        certificate_subject -> Nullable<Text>,
        oidc_issuer -> Nullable<Text>,
        oidc_subject -> Nullable<Text>,
        enabled -> Integer,
        created_at -> BigInt,
    }
}

diesel::table! {
    approvals (id) {
        id -> Binary,
        certificate -> Binary,
        profile -> Binary,
        operation -> Text,
        requester_id -> Binary,
        requester -> Text,
        digest -> Binary,
        revocation -> Nullable<Text>,
        status -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        approver_id -> Nullable<Binary>,
        approver -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
        comment -> Nullable<Text>,
    }
}

diesel::table! {
    blocked_keys (key_hash) {
        key_hash -> Binary,
        blocked_at -> BigInt,
    }
}

diesel::table! {
    certificates (id) {
        id -> Binary,
        state -> Text,
        profile -> Nullable<Binary>,
        authority -> Nullable<Binary>,
        issuer -> Nullable<Binary>,
        door -> Text,
        owner -> Text,
        owner_id -> Binary,
        subject -> Text,
        common_name -> Text,
        serial -> Nullable<Binary>,
        fingerprint -> Nullable<Binary>,
        key_hash -> Binary,
        not_before -> Nullable<BigInt>,
        not_after -> Nullable<BigInt>,
        predecessor -> Nullable<Binary>,
        issue_attributes -> Nullable<Text>,
        revoke_attributes -> Nullable<Text>,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revocation_reason -> Nullable<Text>,
        invalidity_date -> Nullable<BigInt>,
        archived -> Integer,
        pending_names -> Nullable<Text>,
        certificate -> Nullable<Binary>,
        request -> Nullable<Binary>,
    }
}

diesel::table! {
    certificate_names (value, kind, certificate) {
        value -> Text,
        kind -> Text,
        certificate -> Binary,
    }
}

diesel::table! {
    audit (node, lane, sequence) {
        node -> Integer,
        lane -> Integer,
        sequence -> BigInt,
        time -> BigInt,
        event -> Text,
        certificate -> Nullable<Binary>,
        hash -> Binary,
        body -> Text,
    }
}

diesel::table! {
    audit_checkpoints (time, signature) {
        time -> BigInt,
        signature -> Binary,
        public_key -> Binary,
        body -> Text,
    }
}

diesel::table! {
    acme_profiles (id) {
        id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        enabled -> Integer,
        ra_profile -> Nullable<Binary>,
        settings -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    acme_activations (ra_profile) {
        ra_profile -> Binary,
        acme_profile -> Binary,
        issue_attributes -> Nullable<Text>,
        revoke_attributes -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    acme_eab_keys (id) {
        id -> Binary,
        ra_profile -> Binary,
        description -> Text,
        sealed -> Binary,
        names -> Nullable<Text>,
        uses -> Nullable<BigInt>,
        used -> BigInt,
        quota -> Nullable<BigInt>,
        issued -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        created_at -> BigInt,
        acme_profile -> Nullable<Binary>,
    }
}

diesel::table! {
    acme_accounts (id) {
        id -> Binary,
        acme_profile -> Binary,
        ra_profile -> Binary,
        status -> Text,
        thumbprint -> Binary,
        jwk -> Text,
        key_identity -> Binary,
        contacts -> Text,
        terms_agreed_at -> Nullable<BigInt>,
        eab_key -> Nullable<Binary>,
        eab -> Nullable<Text>,
        disabled -> Integer,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    acme_orders (id) {
        id -> Binary,
        account -> Binary,
        status -> Text,
        ra_profile -> Binary,
        profile -> Nullable<Text>,
        identifiers -> Text,
        authorizations -> Binary,
        not_before -> Nullable<BigInt>,
        not_after -> Nullable<BigInt>,
        expires_at -> BigInt,
        error -> Nullable<Text>,
        certificate -> Nullable<Binary>,
        replaces -> Nullable<Binary>,
        created_at -> BigInt,
        ends_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    acme_authorizations (id) {
        id -> Binary,
        account -> Binary,
        identifier -> Text,
        wildcard -> Integer,
        subdomains -> Integer,
        status -> Text,
        expires_at -> BigInt,
        challenges -> Text,
        attempt_at -> Nullable<BigInt>,
        caa_checked_at -> Nullable<BigInt>,
        created_at -> BigInt,
        ends_at -> BigInt,
    }
}

diesel::table! {
    acme_renewal_marks (certificate) {
        certificate -> Binary,
        explanation_url -> Nullable<Text>,
        marked_at -> BigInt,
    }
}

diesel::table! {
    acme_nonces (nonce) {
        nonce -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    est_profiles (id) {
        id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        enabled -> Integer,
        ra_profile -> Nullable<Binary>,
        settings -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    est_activations (ra_profile) {
        ra_profile -> Binary,
        est_profile -> Binary,
        unlabelled -> Integer,
        issue_attributes -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    est_users (id) {
        id -> Binary,
        ra_profile -> Binary,
        name -> Text,
        salt -> Binary,
        hash -> Binary,
        names -> Nullable<Text>,
        uses -> Nullable<BigInt>,
        used -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    est_codes (id) {
        id -> Binary,
        ra_profile -> Binary,
        name -> Text,
        hash -> Binary,
        mismatches -> BigInt,
        names -> Nullable<Text>,
        uses -> Nullable<BigInt>,
        used -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    est_enrolments (digest) {
        digest -> Binary,
        certificate -> Binary,
        ends_at -> BigInt,
    }
}

diesel::table! {
    scep_profiles (id) {
        id -> Binary,
        name -> Text,
        description -> Nullable<Text>,
        enabled -> Integer,
        ra_profile -> Nullable<Binary>,
        sealed_challenge -> Nullable<Binary>,
        settings -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    scep_activations (ra_profile) {
        ra_profile -> Binary,
        scep_profile -> Binary,
        issue_attributes -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    scep_challenges (id) {
        id -> Binary,
        ra_profile -> Binary,
        lookup -> Binary,
        subject -> Nullable<Text>,
        names -> Nullable<Text>,
        description -> Text,
        expires_at -> BigInt,
        mismatches -> BigInt,
        used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    scep_transactions (transaction_id, scep_profile, ra_profile, predecessor) {
        transaction_id -> Binary,
        scep_profile -> Binary,
        ra_profile -> Binary,
        predecessor -> Binary,
        request -> Binary,
        signer -> Binary,
        certificate -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    scep_ra_certificates (scep_profile, authority, purpose, generation) {
        scep_profile -> Binary,
        authority -> Binary,
        purpose -> Text,
        generation -> BigInt,
        key_id -> Binary,
        certificate -> Binary,
        issuer -> Binary,
        der -> Binary,
        not_after -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(certificates, certificate_names, audit);
diesel::allow_tables_to_appear_in_same_query!(
    acme_accounts,
    acme_orders,
    acme_authorizations,
    acme_renewal_marks,
    certificates
);
diesel::allow_tables_to_appear_in_same_query!(scep_transactions, certificates);
