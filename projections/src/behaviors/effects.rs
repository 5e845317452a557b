//! What behaviors did since a revision: what of it can be taken back, and what cannot.

use std::collections::{BTreeSet, HashMap};

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, QueryOrder, QuerySelect, Select};

use super::actions::{Column, Entity, Model};
use crate::self_editing::{compensation_steps, compensations};
use crate::{Paged, Slice};

/// Behaviors from one revision on and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// None: all of them.
    pub behavior: Option<String>,
    pub from: u64,
    pub before: Option<u64>,
}

/// Which of the effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those that nothing takes back.
    Lasting,
    /// Those that worked only in part.
    Troubled,
    /// Those that can be taken back, and are not yet.
    Undoable,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub action: Model,
    pub claim: Option<Claim>,
}

/// A compensation that takes an action back, or has done so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub compensation: Uuid,
    /// Of the compensation.
    pub status: String,
    pub done: bool,
}

impl Effect {
    /// Why it cannot be taken back; none when it can.
    pub fn why_not(&self) -> Option<String> {
        if let Some(Claim { compensation, status, done }) = &self.claim {
            return Some(match done {
                true => format!("compensation {compensation} took it back"),
                false => format!("it is part of compensation {compensation}, which is {status}"),
            });
        }
        let Model { undo, outcome, kind, private, outside_id, owner, content, .. } = &self.action;
        let erased = content.is_none() && !["apology", "reply"].contains(&kind.as_str());
        let named = outside_id.as_deref().is_some_and(|id| !id.is_empty());
        let why = match kind.as_str() {
            _ if undo.is_some() => return None,
            _ if outcome.as_deref() == Some("unknown") => "nobody can say whether it happened",
            "delete_message" => "Discord keeps no copy of a message that was deleted",
            _ if *private => "only the caller sees it, and Discord lets nobody else touch it",
            _ if erased => return Some(format!("{owner} was erased, and with that what was done")),
            "add_role" => "the role was there before, so nothing was given",
            "remove_role" => "the role was not there, so nothing was taken",
            _ if !named => "Discord did not say what it is called there",
            _ => "nothing takes it back",
        };
        Some(why.to_owned())
    }
}

/// How many effects of a kind there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    pub kind: String,
    pub undoable: bool,
    pub count: u64,
}

/// Whether an action is being taken back, or was.
const CLAIMED: &str = "EXISTS (SELECT 1 FROM self_editing_compensation_steps s \
    JOIN self_editing_compensations c ON c.id = s.compensation_id \
    WHERE s.call_id = behavior_actions.call_id AND s.action = behavior_actions.place \
    AND c.status <> 'rejected' AND (s.outcome IS NULL OR s.outcome = 'delivered'))";

/// Effects, the newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    spans: &[Span],
    which: Which,
    slice: Slice,
) -> Result<Paged<Effect>, DbErr> {
    let Some(find) = of(spans) else { return Ok(Paged { items: Vec::new(), total: 0 }) };
    let find = which.among(find).order_by_desc(Column::SettledAt);
    let find = find.order_by_desc(Column::CallId).order_by_desc(Column::Place);
    let Paged { items, total } = slice.of(find, db).await?;
    Ok(Paged { items: with_claims(db, items).await?, total })
}

/// Those among the effects that these calls led to.
pub async fn of_calls(
    db: &impl ConnectionTrait,
    spans: &[Span],
    calls: Vec<Uuid>,
) -> Result<Vec<Effect>, DbErr> {
    let Some(find) = of(spans) else { return Ok(Vec::new()) };
    let find = find.filter(Column::CallId.is_in(calls)).order_by_desc(Column::SettledAt);
    let find = find.order_by_desc(Column::CallId).order_by_desc(Column::Place);
    let found = find.all(db).await?;
    with_claims(db, found).await
}

/// How many can be taken back, and how many nothing takes back, by kind.
pub async fn sums(db: &impl ConnectionTrait, spans: &[Span]) -> Result<Vec<Sum>, DbErr> {
    let Some(find) = of(spans) else { return Ok(Vec::new()) };
    let mut sums = Vec::new();
    for (undoable, which) in [(true, Which::Undoable), (false, Which::Lasting)] {
        let counted = which.among(find.clone()).select_only().column(Column::Kind);
        let counted = counted.column_as(Column::Place.count(), "count").group_by(Column::Kind);
        let counted: Vec<(String, i64)> =
            counted.order_by_asc(Column::Kind).into_tuple().all(db).await?;
        let sum =
            |(kind, count): (String, i64)| Sum { kind, undoable, count: count.cast_unsigned() };
        sums.extend(counted.into_iter().map(sum));
    }
    Ok(sums)
}

impl Which {
    fn among(self, find: Select<Entity>) -> Select<Entity> {
        match self {
            Self::All => find,
            Self::Lasting => find.filter(Column::Undo.is_null()),
            Self::Troubled => {
                find.filter(Column::Outcome.eq("delivered")).filter(Column::Reason.is_not_null())
            }
            Self::Undoable => {
                let unclaimed = Condition::all().add(Expr::cust(CLAIMED)).not();
                find.filter(Column::Undo.is_not_null()).filter(unclaimed)
            }
        }
    }
}

/// What happened, or may have; none where there is nothing to look for.
fn of(spans: &[Span]) -> Option<Select<Entity>> {
    if spans.is_empty() {
        return None;
    }
    let mut any = Condition::any();
    for Span { behavior, from, before } in spans {
        let mut all = Condition::all().add(Column::Revision.gte(from.cast_signed()));
        if let Some(before) = before {
            all = all.add(Column::Revision.lt(before.cast_signed()));
        }
        if let Some(behavior) = behavior {
            all = all.add(Column::Behavior.eq(behavior));
        }
        any = any.add(all);
    }
    let happened = Column::Outcome.is_in(["delivered", "unknown"]);
    Some(Entity::find().filter(any).filter(happened))
}

async fn with_claims(db: &impl ConnectionTrait, actions: Vec<Model>) -> Result<Vec<Effect>, DbErr> {
    let calls: BTreeSet<_> = actions.iter().map(|it| it.call_id).collect();
    let steps = compensation_steps::about(db, calls.into_iter().collect()).await?;
    let ids: BTreeSet<_> = steps.iter().map(|it| it.compensation_id).collect();
    let statuses = compensations::among(db, ids).await?.into_iter();
    let statuses: HashMap<_, _> = statuses.map(|it| (it.id, it.status)).collect();
    let mut claims = HashMap::new();
    for step in steps {
        let status = statuses.get(&step.compensation_id).cloned().unwrap_or_default();
        let done = step.outcome.as_deref() == Some("delivered");
        if status != "rejected" && (done || step.outcome.is_none()) {
            let compensation = step.compensation_id;
            claims.insert((step.call_id, step.action), Claim { compensation, status, done });
        }
    }
    let claim = |action: &Model| claims.get(&(action.call_id, action.place)).cloned();
    Ok(actions.into_iter().map(|action| Effect { claim: claim(&action), action }).collect())
}
