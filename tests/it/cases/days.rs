//! Days stay days, and instants become days in the business's own time zone.

use crate::rehearsal::Project;

#[test]
fn a_day_is_never_shifted_and_an_instant_becomes_the_day_at_the_business() {
    let project = Project::small();
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,expected_close_date,won_at\n\
         50,Plain day,1,PLN,1,11,in progress,10,5,2025-03-31,\n\
         51,Late evening,1,PLN,1,12,won,11,4,,2025-10-25T22:30:00Z\n\
         52,Leap day,1,PLN,1,11,in progress,10,5,2024-02-29,\n",
    );
    project.carry().ended(0);
    let days = project.org().map("Opportunity", "Name", "CloseDate");
    assert_eq!(days["Plain day"], "2025-03-31");
    assert_eq!(days["Late evening"], "2025-10-26");
    assert_eq!(days["Leap day"], "2024-02-29");
}
