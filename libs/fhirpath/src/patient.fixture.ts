/**
 * A patient like the one of the specification (http://hl7.org/fhir/R4/patient-example.html), cut to what the tests
 * read: the same names, telecoms and dates, so that the expected results of the FHIRPath suite apply.
 */
export const patientExample = {
  resourceType: 'Patient',
  id: 'example',
  active: true,
  name: [
    { use: 'official', family: 'Chalmers', given: ['Peter', 'James'] },
    { use: 'usual', given: ['Jim'] },
    { use: 'maiden', family: 'Windsor', given: ['Peter', 'James'], period: { end: '2002' } },
  ],
  telecom: [
    { use: 'home' },
    { system: 'phone', value: '(03) 5555 6473', use: 'work', rank: 1 },
    { system: 'phone', value: '(03) 3410 5613', use: 'mobile', rank: 2 },
    { system: 'phone', value: '(03) 5555 8834', use: 'old', period: { end: '2014' } },
  ],
  gender: 'male',
  birthDate: '1974-12-25',
  _birthDate: {
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime',
        valueDateTime: '1974-12-25T14:35:45-05:00',
      },
    ],
  },
}
