//! `/explain`: what the bot did about something, or why it did nothing.

mod shapes;

use commands::explain::Explain;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use crate::Tag;
use crate::answer::{Found, Result};
use crate::auth::{May, needs};
use crate::error::ApiError;
use shapes::ExplanationView;
pub(crate) use shapes::PowerView;

pub(crate) struct ExplainApi {
    pub(crate) explain: Explain,
}

#[OpenApi(prefix_path = "/api/v1/explain", tag = "Tag::Explain")]
impl ExplainApi {
    /// Explain what the bot did, or why it did nothing
    ///
    /// From the event that came in over the behaviors that it called, the edits that made them so,
    /// and what allowed or refused them, to what became of each action.
    #[oai(path = "/:id", method = "get", operation_id = "explain")]
    async fn explain(
        &self,
        _may: May<needs::ReadAudit>,
        /// Of a Discord message, whoever wrote it; of a slash command; of a call of a behavior; or of
        /// an answer in a conversation.
        #[oai(validator(min_length = 1, max_length = 64))]
        id: Path<String>,
    ) -> Result<Found<ExplanationView>> {
        let found = self.explain.explain(&id.0).await?;
        let unknown = || ApiError::not_found("message, command, call or answer");
        Ok(Found::of(ExplanationView::of(found.ok_or_else(unknown)?)))
    }
}
