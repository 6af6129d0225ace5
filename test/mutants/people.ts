// Whose data is shown and erased: all that is theirs, and nothing else.

import type { Group } from './mutant.ts';

const rights = ['test/flows/people-rights.test.ts'];
const store = ['test/notifications/person-store.test.ts'];

export const people: readonly Group[] = [
  {
    file: 'src/notifications/whose-store.ts',
    tests: store,
    rows: [
      ["everybody's conversations are a person's", "all.where('user_key', '=', keyOf(whose.userId))", 'all'],
      ['every conversation is the one', "all.where('id', '=', whose.conversationId)", 'all', { tests: rights }],
      ['an object id in capitals is another', 'parseObjectId(userId) ?? userId', 'userId'],
      ['what is to any user is to this one', 'keyOf(to.userId) === keyOf(whose.userId)', 'true'],
      ['what is to any conversation is to theirs', 'theirs.has(to.conversationId)', 'true'],
    ],
  },
  {
    file: 'src/notifications/erase-store.ts',
    tests: store,
    rows: [
      ['what others are still to get is erased', 'row.expanded_to === null || addressed.has(row.id)', 'true'],
      ['what others have got is erased', "known.where('id', 'not in', kept)", 'known'],
    ],
  },
  {
    file: 'src/notifications/people-desk.ts',
    tests: rights,
    rows: [
      ['an erased person stays in the files', 'before this.\n      await scrubFile(db);', 'before this.'],
      [
        'an erased conversation stays in the files',
        'eraseConversation(db, id, now());\n      await scrubFile(db);',
        'eraseConversation(db, id, now());',
      ],
    ],
  },
];
