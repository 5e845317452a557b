//! What this provider can do, and what its resources look like: RFC 7644, 4.

use serde_json::{Value, json};

use super::schema::{
    Attribute, ENTERPRISE, ENTERPRISE_ATTRIBUTES, GROUP, GROUP_ATTRIBUTES, USER, USER_ATTRIBUTES,
};

/// The most resources in one answer.
pub(crate) const MOST: usize = 200;

/// `/ServiceProviderConfig`
pub(crate) fn service_provider(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST },
        "changePassword": { "supported": true },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "An API key or an access token, as Authorization: Bearer …",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig"),
        },
    })
}

/// What `/ResourceTypes` lists.
pub(crate) fn resource_types(base: &str) -> Vec<Value> {
    let kind = |name: &str, about: &str, schema: &str, extensions: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": format!("/{name}s"),
            "description": about,
            "schema": schema,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{name}"),
            },
        })
    };
    let extension = json!([{ "schema": ENTERPRISE, "required": false }]);
    vec![
        kind("User", "A user of the platform", USER, extension),
        kind("Group", "A group of users", GROUP, json!([])),
    ]
}

/// What `/Schemas` lists.
pub(crate) fn schemas(base: &str) -> Vec<Value> {
    let schema = |id: &str, name: &str, about: &str, attributes: &[Attribute]| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id,
            "name": name,
            "description": about,
            "attributes": attributes.iter().map(Attribute::described).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") },
        })
    };
    vec![
        schema(USER, "User", "A user of the platform", USER_ATTRIBUTES),
        schema(ENTERPRISE, "EnterpriseUser", "A user at work", ENTERPRISE_ATTRIBUTES),
        schema(GROUP, "Group", "A group of users", GROUP_ATTRIBUTES),
    ]
}

/// A list as every query answers: RFC 7644, 3.4.2. Counting begins with 1.
pub(crate) fn list(total: usize, start: usize, resources: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
