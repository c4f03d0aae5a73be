//! Global describe and object describe (`guide/salesforce.md` §4: every key of a real describe is there).
//!
//! In: an object's definition and what the user may see. Out: its JSON. Fields hidden by field-level security are absent.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::life;
use super::super::model::{Access, Model};
use super::super::persons::default_type;
use super::super::record_types::MASTER;
use super::super::schema::{FieldDefinition, FieldType, OnDelete, SObject, Verbs, valid_for};
use super::call::{Call, json as answer, object_named};

/// `GET /sobjects`.
pub(super) fn global(call: &Call) -> Response {
    let model = call.app.org.model();
    let access = call.app.org.access(call.user);
    let objects: Vec<Value> = model
        .schema
        .objects()
        .iter()
        .enumerate()
        .filter_map(|(at, object)| {
            let verbs = access.verbs(at, object)?;
            Some(summary(object, verbs, &call.version))
        })
        .collect();
    answer(
        StatusCode::OK,
        &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}),
    )
}

/// `GET /sobjects/X`.
pub(super) fn basic(call: &Call, name: &str) -> Result<Response, ApiError> {
    let model = call.app.org.model();
    let number = object_named(call, &model, name)?;
    let object = model.schema.object(number);
    let verbs = call.app.org.access(call.user).verbs(number, object);
    let summary = summary(object, verbs.unwrap_or_default(), &call.version);
    Ok(answer(
        StatusCode::OK,
        &json!({"objectDescribe": summary, "recentItems": []}),
    ))
}

/// `GET /sobjects/X/describe`.
pub(super) fn object(call: &Call, name: &str) -> Result<Response, ApiError> {
    let model = call.app.org.model();
    let number = object_named(call, &model, name)?;
    let object = model.schema.object(number);
    let access = call.app.org.access(call.user);
    let verbs = access.verbs(number, object).unwrap_or_default();
    let mut describe = summary(object, verbs, &call.version);
    let fields: Vec<Value> = (0u16..)
        .zip(&object.fields)
        .filter(|(at, _)| access.visible(number, *at))
        .map(|(at, field)| {
            let editable = access.editable(number, at);
            let audited = call.app.org.options.audit_fields
                && object.verbs.audit
                && matches!(
                    field.name.as_str(),
                    "CreatedDate" | "CreatedById" | "LastModifiedDate" | "LastModifiedById"
                );
            described(
                (object, field),
                (field.createable && editable) || audited,
                field.updateable && editable,
            )
        })
        .collect();
    let root = format!("/services/data/v{}/sobjects/{}", call.version, object.name);
    let more = json!({
        "actionOverrides": [],
        "childRelationships": children(&model, object),
        "compactLayoutable": true,
        "defaultImplementation": null,
        "extendedBy": null,
        "extendsInterfaces": null,
        "fields": fields,
        "implementedBy": null,
        "implementsInterfaces": null,
        "listviewable": null,
        "lookupLayoutable": null,
        "namedLayoutInfos": [],
        "networkScopeFieldName": null,
        "recordTypeInfos": record_types(&model, object, &access, &root),
        "searchLayoutable": true,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": format!("All {}", object.plural), "name": "everything"}],
    });
    if let (Value::Object(describe), Value::Object(more)) = (&mut describe, more) {
        describe.extend(more);
    }
    Ok(answer(StatusCode::OK, &describe))
}

/// The record types of an object, `Master` last. Only a profile could make another one the default, which no account of an
/// org with person accounts goes without.
fn record_types(model: &Model, object: &SObject, access: &Access, root: &str) -> Vec<Value> {
    let default = default_type(model).filter(|one| one.object == object.name);
    let default = default.map_or_else(|| MASTER.to_owned(), |one| one.id.to_string());
    let info = |id: &str, developer_name: &str, name: &str, active, available| {
        let master = id == MASTER;
        json!({
            "active": active, "available": available, "defaultRecordTypeMapping": id == default,
            "developerName": developer_name, "master": master, "name": name, "recordTypeId": id,
            "urls": {"layout": format!("{root}/describe/layouts/{id}")},
        })
    };
    let own = model.record_types().into_iter();
    let own = own.filter(|one| one.object == object.name);
    let mut infos: Vec<Value> = own
        .map(|one| {
            let available = access.record_types.contains(&one.id);
            let id = one.id.to_string();
            info(&id, &one.developer_name, &one.name, one.active, available)
        })
        .collect();
    infos.push(info(MASTER, "Master", "Master", true, true));
    infos
}

fn summary(object: &SObject, verbs: Verbs, version: &str) -> Value {
    let root = format!("/services/data/v{version}/sobjects/{}", object.name);
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": verbs.create,
        "custom": object.custom,
        "customSetting": false,
        "deepCloneable": false,
        "deletable": verbs.delete,
        "deprecatedAndHidden": false,
        "feedEnabled": true,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": String::from_utf8_lossy(&object.prefix),
        "label": object.label,
        "labelPlural": object.plural,
        "layoutable": verbs.create,
        "mergeable": matches!(object.name.as_str(), "Account" | "Contact" | "Lead"),
        "mruEnabled": true,
        "name": object.name,
        "queryable": verbs.query,
        "replicateable": true,
        "retrieveable": true,
        "searchable": true,
        "triggerable": verbs.create,
        "undeletable": verbs.delete && life::undeletable(&object.name),
        "updateable": verbs.update,
        "urls": {
            "compactLayouts": format!("{root}/describe/compactLayouts"),
            "rowTemplate": format!("{root}/{{ID}}"),
            "approvalLayouts": format!("{root}/describe/approvalLayouts"),
            "describe": format!("{root}/describe"),
            "quickActions": format!("{root}/quickActions"),
            "layouts": format!("{root}/describe/layouts"),
            "sobject": root,
        },
    })
}

fn children(model: &Model, parent: &SObject) -> Vec<Value> {
    let mut children = Vec::new();
    for child in model.schema.objects() {
        for field in child
            .fields
            .iter()
            .filter(|field| field.references.contains(&parent.name))
        {
            children.push(json!({
                "cascadeDelete": field.on_delete == OnDelete::Cascade,
                "childSObject": child.name,
                "deprecatedAndHidden": false,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": field.child_relationship,
                "restrictedDelete": field.on_delete == OnDelete::Restrict,
            }));
        }
    }
    children
}

/// The picklist that says which values of a picklist may be chosen: countries do for their states.
fn controller<'a>(object: &'a SObject, field: &FieldDefinition) -> Option<&'a FieldDefinition> {
    let prefix = field.name.strip_suffix("StateCode")?;
    let (_, countries) = object.find(&format!("{prefix}CountryCode"))?;
    Some(countries)
}

fn described(
    (object, field): (&SObject, &FieldDefinition),
    createable: bool,
    updateable: bool,
) -> Value {
    let controller = controller(object, field);
    let text = matches!(
        field.kind,
        FieldType::String
            | FieldType::Textarea
            | FieldType::Phone
            | FieldType::Url
            | FieldType::Email
    );
    let bytes = match field.kind {
        FieldType::Id | FieldType::Reference => 18,
        _ => field.length * 3,
    };
    let long = field.kind == FieldType::Textarea && field.length > 255;
    let picklist: Vec<Value> = field
        .picklist
        .iter()
        .map(|value| {
            json!({
                "active": value.active, "defaultValue": value.default, "label": value.label,
                "validFor": controller.map(|countries| valid_for(value, &countries.picklist)),
                "value": value.value,
            })
        })
        .collect();
    let default = match (field.kind, field.default.as_deref()) {
        (FieldType::Boolean, default) => json!(default == Some("true")),
        _ => Value::Null,
    };
    let mut described = json!({
        "aggregatable": !long,
        "aiPredictionField": false,
        "autoNumber": field.auto_number.is_some(),
        "byteLength": bytes,
        "calculated": false,
        "calculatedFormula": null,
        "cascadeDelete": field.on_delete == OnDelete::Cascade,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": null,
        "controllerName": controller.map(|countries| &countries.name),
        "createable": createable,
        "custom": field.custom,
        "defaultValue": default,
        "defaultValueFormula": null,
        "defaultedOnCreate": field.defaulted,
        "dependentPicklist": controller.is_some(),
        "deprecatedAndHidden": false,
        "digits": if field.kind == FieldType::Int { field.precision } else { 0 },
        "displayLocationInDecimal": false,
        "encrypted": false,
        "externalId": field.external_id,
        "extraTypeInfo": null,
        "filterable": !long,
        "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false,
        "groupable": !long && !field.kind.is_decimal(),
        "highScaleNumber": false,
        "htmlFormatted": false,
        "idLookup": field.id_lookup,
        "inlineHelpText": null,
        "label": field.label,
        "length": field.length,
        "mask": null,
        "maskType": null,
        "name": field.name,
        "nameField": field.name_field,
    });
    let rest = json!({
        "namePointing": field.references.len() > 1,
        "nillable": field.nillable,
        "permissionable": field.custom && !field.required(),
        "picklistValues": picklist,
        "polymorphicForeignKey": field.references.len() > 1,
        "precision": if field.kind == FieldType::Int { 0 } else { field.precision },
        "queryByDistance": false,
        "referenceTargetField": null,
        "referenceTo": field.references,
        "relationshipName": field.relationship,
        "relationshipOrder": null,
        "restrictedDelete": field.on_delete == OnDelete::Restrict,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": false,
        "soapType": soap_type(field.kind),
        "sortable": !long,
        "type": field.kind.name(),
        "unique": field.unique,
        "updateable": updateable,
        "writeRequiresMasterRead": false,
    });
    if let (Value::Object(described), Value::Object(rest)) = (&mut described, rest) {
        described.extend(rest);
        if text && field.length > 255 {
            described.insert("extraTypeInfo".to_owned(), json!("plaintextarea"));
        }
    }
    described
}

fn soap_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Id | FieldType::Reference => "tns:ID",
        FieldType::Boolean => "xsd:boolean",
        FieldType::Int => "xsd:int",
        FieldType::Currency | FieldType::Double | FieldType::Percent => "xsd:double",
        FieldType::Date => "xsd:date",
        FieldType::Datetime => "xsd:dateTime",
        FieldType::Address => "urn:address",
        FieldType::Base64 => "xsd:base64Binary",
        _ => "xsd:string",
    }
}
