//! Names → fields the user may see.
//!
//! In: a [`Query`]. Out: [`Plan`], ready to run, or the error a client gets: `INVALID_TYPE`, `INVALID_FIELD`
//! (`No such column …`), or what the Bulk API does not support (`guide/salesforce.md` §2).

use super::super::error::ApiError;
use super::super::model::Access;
use super::super::schema::FieldType;
use super::super::view::View;
use super::ast::{Comparison, Function, Item, Path, Query};
use super::filter::Filter;

/// A resolved path.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A field of the object at hand.
    Field(u16),
    /// A field of a parent; a polymorphic parent has several candidates.
    Parent {
        field: u16,
        name: String,
        candidates: Vec<(usize, Node)>,
    },
}

/// A selected column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) path: Path,
    pub(super) node: Node,
    pub(super) kind: FieldType,
}

/// A selected aggregate.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) function: Function,
    pub(super) node: Option<(Node, FieldType)>,
    pub(super) name: String,
}

/// A resolved query.
pub(crate) struct Plan {
    pub(super) view: View,
    pub(crate) object: usize,
    pub(super) columns: Vec<Column>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) group: Vec<Column>,
    pub(super) filter: Filter,
    /// Column, descending, nulls last.
    pub(super) order: Vec<(Column, bool, bool)>,
    pub(super) limit: u64,
    pub(super) offset: u64,
    /// Deleted rows too.
    pub(super) all: bool,
    /// Asked through the Tooling API.
    pub(crate) tooling: bool,
}

/// Resolves names for one user.
pub(super) struct Resolver<'a> {
    pub(super) view: &'a View,
    pub(super) access: &'a Access,
    /// The query came through the Tooling API.
    pub(super) tooling: bool,
}

/// The relationship to the object a validation rule or a custom field belongs to.
pub(super) const ENTITY: &str = "EntityDefinition";
const QUALIFIED_NAME: &str = "QualifiedApiName";

/// Objects that both APIs know.
const SHARED: [&str; 8] = [
    "ApexTrigger",
    "BusinessProcess",
    "Group",
    "PermissionSet",
    "PermissionSetAssignment",
    "Profile",
    "RecordType",
    "User",
];

impl Plan {
    /// Resolves a query for a user; `all` includes deleted rows.
    pub(crate) fn new(
        view: View,
        access: &Access,
        query: &Query,
        all: bool,
    ) -> Result<Self, ApiError> {
        Self::resolved(view, access, query, all, false)
    }

    /// Resolves a query of the Tooling API.
    pub(crate) fn tooling(view: View, access: &Access, query: &Query) -> Result<Self, ApiError> {
        Self::resolved(view, access, query, false, true)
    }

    pub(super) fn resolved(
        view: View,
        access: &Access,
        query: &Query,
        all: bool,
        tooling: bool,
    ) -> Result<Self, ApiError> {
        let resolver = Resolver {
            view: &view,
            access,
            tooling,
        };
        let object = resolver.object(&query.object)?;
        let (mut columns, mut aggregates) = (Vec::new(), Vec::new());
        for item in &query.select {
            match item {
                Item::Field(path) => columns.push(resolver.column(object, path)?),
                Item::Fields(set) => columns.extend(resolver.set(object, set)?),
                Item::Children => {
                    let message = "the simulator does not answer parent-to-child subqueries";
                    return Err(ApiError::bad("MALFORMED_QUERY", message));
                }
                Item::Aggregate {
                    function,
                    path,
                    alias,
                } => {
                    let node = match path {
                        Some(path) => Some(
                            resolver
                                .column(object, path)
                                .map(|column| (column.node, column.kind))?,
                        ),
                        None => None,
                    };
                    let name = alias
                        .clone()
                        .unwrap_or_else(|| format!("expr{}", aggregates.len()));
                    aggregates.push(Aggregate {
                        function: *function,
                        node,
                        name,
                    });
                }
            }
        }
        let group = query
            .group
            .iter()
            .map(|path| resolver.column(object, path))
            .collect::<Result<Vec<_>, _>>()?;
        let order = query.order.iter().map(|order| {
            Ok::<_, ApiError>((
                resolver.column(object, &order.path)?,
                order.descending,
                order.nulls_last,
            ))
        });
        let order = order.collect::<Result<Vec<_>, _>>()?;
        let filter = Filter::new(&resolver, object, query.filter.as_ref())?;
        let filter = restricted(&view, object, filter)?;
        Ok(Self {
            object,
            columns,
            aggregates,
            group,
            filter,
            order,
            limit: query.limit.unwrap_or(u64::MAX),
            offset: query.offset,
            all: all || query.all_rows,
            tooling,
            view,
        })
    }

    /// Refuses what Bulk API 2.0 cannot query.
    pub(crate) fn check_bulk(&self) -> Result<(), ApiError> {
        let unsupported = |message: &str| Err(ApiError::bad("API_ERROR", message));
        if self
            .columns
            .iter()
            .any(|column| matches!(column.kind, FieldType::Address | FieldType::Base64))
        {
            return unsupported("Selecting compound data not supported in Bulk Query");
        }
        if !self.aggregates.is_empty() || !self.group.is_empty() {
            return unsupported("Aggregate Relationship not supported in Bulk Query");
        }
        if self.offset > 0 {
            return unsupported("OFFSET not supported in Bulk Query");
        }
        Ok(())
    }

    /// Whether the query selects aggregates.
    pub(crate) fn aggregates(&self) -> bool {
        !self.aggregates.is_empty() || !self.group.is_empty()
    }

    /// Whether the query is `select count()`.
    pub(crate) fn counts_only(&self) -> bool {
        self.columns.is_empty()
            && self.group.is_empty()
            && matches!(
                self.aggregates.as_slice(),
                [Aggregate {
                    function: Function::Count,
                    node: None,
                    ..
                }]
            )
    }
}

/// What an object's queries must name, and which rows of a shared table are its own.
fn restricted(view: &View, object: usize, filter: Filter) -> Result<Filter, ApiError> {
    let definition = view.model.schema.object(object);
    match definition.name.as_str() {
        "ContentDocumentLink" => {
            let named = ["ContentDocumentId", "LinkedEntityId"];
            let named = named
                .into_iter()
                .filter_map(|name| definition.position(name));
            if named.into_iter().any(|at| filter.names(at)) {
                return Ok(filter);
            }
            let message = "Implementation restriction: ContentDocumentLink requires a filter by a single Id on \
                           ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN \
                           operator.";
            Err(ApiError::bad("MALFORMED_QUERY", message))
        }
        "ContentNote" => Ok(match definition.find("FileType") {
            Some((at, field)) => Filter::And(vec![
                filter,
                Filter::Compare {
                    node: Node::Field(at),
                    kind: field.kind,
                    comparison: Comparison::Equal,
                    value: Some("SNOTE".to_owned()),
                },
            ]),
            None => filter,
        }),
        _ => Ok(filter),
    }
}

impl Resolver<'_> {
    pub(super) fn object(&self, name: &str) -> Result<usize, ApiError> {
        let found = self.view.model.schema.position(name);
        let seen = |at: &usize| {
            let object = self.view.model.schema.object(*at);
            if self.tooling {
                return object.verbs.tooling || SHARED.contains(&object.name.as_str());
            }
            self.access
                .verbs(*at, object)
                .is_some_and(|verbs| verbs.query)
        };
        found.filter(seen).ok_or_else(|| {
            let message = format!(
                "sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append \
                 the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
            );
            ApiError::bad("INVALID_TYPE", message)
        })
    }

    pub(super) fn column(&self, object: usize, path: &Path) -> Result<Column, ApiError> {
        // `Contact.Name` in a query on Contact is the field itself.
        let own = &self.view.model.schema.object(object).name;
        let related = path
            .first()
            .and_then(|name| self.view.model.schema.object(object).relationship(name));
        let path: Path = if path.len() > 1 && path[0].eq_ignore_ascii_case(own) && related.is_none()
        {
            path[1..].to_vec()
        } else {
            path.clone()
        };
        let (node, kind, names) = self.node(object, &path)?;
        Ok(Column {
            path: names,
            node,
            kind,
        })
    }

    /// A path's node, the type of its end and its names as the schema spells them.
    fn node(&self, object: usize, path: &[String]) -> Result<(Node, FieldType, Path), ApiError> {
        let definition = self.view.model.schema.object(object);
        let Some((name, rest)) = path.split_first() else {
            return Err(ApiError::bad(
                "MALFORMED_QUERY",
                "unexpected token: '<EOF>'",
            ));
        };
        if rest.is_empty() {
            let found = definition
                .find(name)
                .filter(|(at, _)| self.access.visible(object, *at));
            let (at, field) = found.ok_or_else(|| {
                let message = format!(
                    "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append \
                     the '__c' after the custom field name. Please reference your WSDL or the describe call for the \
                     appropriate names.",
                    definition.name
                );
                ApiError::bad("INVALID_FIELD", message)
            })?;
            return Ok((Node::Field(at), field.kind, vec![field.name.clone()]));
        }
        // The definition of an object is known by its name alone.
        if let ([last], Some(at)) = (rest, definition.position("EntityDefinitionId"))
            && name.eq_ignore_ascii_case(ENTITY)
            && last.eq_ignore_ascii_case(QUALIFIED_NAME)
        {
            let names = vec![ENTITY.to_owned(), QUALIFIED_NAME.to_owned()];
            return Ok((Node::Field(at), FieldType::String, names));
        }
        let relation = definition
            .relationship(name)
            .filter(|(at, _)| self.access.visible(object, *at));
        let (at, field) = relation.ok_or_else(|| {
            let message = format!("Didn't understand relationship '{name}' in field path.");
            ApiError::bad("INVALID_FIELD", message)
        })?;
        let spelled = field.relationship.clone().unwrap_or_default();
        let (mut candidates, mut ends, mut failure) = (Vec::new(), None, None);
        for parent in field
            .references
            .iter()
            .filter_map(|name| self.view.model.schema.position(name))
        {
            match self.node(parent, rest) {
                Ok((node, kind, names)) => {
                    candidates.push((parent, node));
                    ends.get_or_insert((kind, names));
                }
                Err(error) => failure = Some(error),
            }
        }
        let Some((kind, names)) = ends else {
            let message = format!("Didn't understand relationship '{name}' in field path.");
            return Err(failure.unwrap_or_else(|| ApiError::bad("INVALID_FIELD", message)));
        };
        let names = std::iter::once(spelled.clone()).chain(names).collect();
        Ok((
            Node::Parent {
                field: at,
                name: spelled,
                candidates,
            },
            kind,
            names,
        ))
    }

    fn set(&self, object: usize, set: &str) -> Result<Vec<Column>, ApiError> {
        let definition = self.view.model.schema.object(object);
        let wanted = |custom: bool| match set {
            "all" => Some(true),
            "standard" => Some(!custom),
            "custom" => Some(custom),
            _ => None,
        };
        let fields = (0u16..)
            .zip(&definition.fields)
            .filter(|(at, _)| self.access.visible(object, *at));
        fields
            .filter_map(|(at, field)| match wanted(field.custom) {
                None => Some(Err(ApiError::bad(
                    "MALFORMED_QUERY",
                    format!("unexpected token: '{set}'"),
                ))),
                Some(true) => Some(Ok(Column {
                    path: vec![field.name.clone()],
                    node: Node::Field(at),
                    kind: field.kind,
                })),
                Some(false) => None,
            })
            .collect()
    }
}
